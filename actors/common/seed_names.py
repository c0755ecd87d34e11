"""Names as they stand on doors in Pune."""

_FIRST = (
    "Aarav Aditi Ajay Akshay Amruta Anand Anjali Arjun Ashwini Bhavna Chetan Deepa Devika Farhan Gaurav Gayatri "
    "Harish Imran Isha Jyoti Kavita Kiran Lakshmi Leena Mahesh Manasi Meera Mohit Nandini Neha Nikhil Omkar Pallavi "
    "Pooja Prakash Priya Rahul Rajesh Ramesh Rohan Rutuja Sachin Sameer Sandeep Sanjay Shalini Shreya Siddharth "
    "Sneha Sunil Swati Tanvi Tejas Uday Vaishali Varun Vidya Vikram Vinod Yash Zoya"
)
_LAST = (
    "Agarwal Apte Bhatt Bhosale Chaudhari D'Souza Deshmukh Deshpande Dixit Fernandes Gaikwad Gokhale Gupta Iyer "
    "Jadhav Jain Joshi Kadam Kale Khan Kulkarni Limaye Menon Mehta More Nair Pandit Patel Patil Pawar Phadke Pillai "
    "Rane Rao Reddy Sathe Sawant Shah Shaikh Sharma Shetty Shinde Singh Tambe Thakur Tiwari Vaidya Verma Wagh"
)

FIRST_NAMES = tuple(_FIRST.split())
LAST_NAMES = tuple(_LAST.split())
DEVANAGARI_NAMES = (
    "अनिता देशपांडे",
    "राजेंद्र कुलकर्णी",
    "सुनीता शर्मा",
    "विठ्ठल गायकवाड",
    "प्रज्ञा क्षीरसागर",
    "श्रीकांत जोशी",
    "मृणालिनी कर्णिक",
    "धर्मेंद्र त्रिपाठी",
    "लक्ष्मी पाटील",
    "ज्ञानेश्वर शिंदे",
    "कृष्णा वर्मा",
    "स्मिता चव्हाण",
)
